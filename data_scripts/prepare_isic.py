"""Prepare ISIC 2018, task 3 (Tschandl et al. 2018): 7 kinds of skin lesions, all for testing.

--source takes the training images with their ground truth, or HAM10000 with its metadata.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("isic", __doc__))
