"""What stands behind :mod:`fewshot_bench.api`: data, models and measurements from Python."""
