"""Prepare DTD (Cimpoi et al. 2014): 47 textures, 33/7/7 classes at random.

--source takes dtd/ or its archive.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("dtd", __doc__))
