"""Prepare Quick, Draw! (Ha & Eck 2017): 345 kinds of sketches, 207/69/69 classes at random.

--source takes a folder of numpy bitmaps, <class>.npy; the first 1,000 of each are read.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("quickdraw", __doc__))
