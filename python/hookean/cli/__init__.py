"""The command line: data on stdout, everything else on stderr. `app` lists the commands, one module each."""
