"""Prepare PlantVillage (Mohanty et al. 2016): 38 plants and diseases, 22/8/8 classes at random.

--source takes folders <plant>___<disease>/, also below color/ or train|valid|test/.
"""

import sys

from fewshot_bench.data.script import main

if __name__ == "__main__":
    sys.exit(main("plant-village", __doc__))
