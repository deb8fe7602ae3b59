"""Prepare FGVC-Aircraft (Maji et al. 2013): 100 variants, 70/15/15 classes at random.

--source takes fgvc-aircraft-2013b/ or its archive.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("fgvc-aircraft", __doc__))
