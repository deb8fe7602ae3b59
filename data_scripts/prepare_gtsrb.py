"""Prepare GTSRB (Stallkamp et al. 2012): 43 traffic signs, 25/9/9 classes at random.

--source takes the training images or their archive; the last frame of each track is read.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("gtsrb", __doc__))
