"""The families of models, one module each: a family turns a case into an experiment.

`table.py` says which model belongs to which family.
"""
