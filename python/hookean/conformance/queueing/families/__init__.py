"""One module for each family of models: each turns a case into an experiment. `table.py` says which model goes where."""
