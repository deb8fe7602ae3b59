"""Prepare CUB-200-2011 (Wah et al. 2011): 200 species of birds, 100/50/50 classes at random.

--source takes CUB_200_2011/ or its archive.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("cub", __doc__))
