"""Finding a loss offline: EvoMAL and GP-LFL by genetic programming, TaylorGLO by CMA-ES."""
