"""Many measurements at once: sweeps over tables of settings, and tuning on validation classes.

A sweep is a list of run configurations. Each of them is an ``evaluate`` that is found again by its
key, and each training that several of them share is a job of its own that runs once. *Engines*
start jobs: local processes, Slurm by submitit, or Ray. Nothing below this package knows of them.
"""
