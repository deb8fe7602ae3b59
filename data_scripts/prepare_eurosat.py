"""Prepare EuroSAT (Helber et al. 2019): 10 kinds of land use, all for testing.

--source takes the folders of the RGB images or their archive.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("eurosat", __doc__))
