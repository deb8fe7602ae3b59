"""Prepare Caltech-101 (Fei-Fei et al. 2004): 101 kinds of objects, 61/20/20 classes at random.

--source takes 101_ObjectCategories/ or an archive of it.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("caltech-101", __doc__))
