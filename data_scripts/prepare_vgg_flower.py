"""Prepare VGG-Flower (Nilsback & Zisserman 2008): 102 flowers, 72/15/15 classes at random.

--source takes jpg/ with imagelabels.mat, or folders 1 to 102, also below train|valid|test/.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("vgg-flower", __doc__))
