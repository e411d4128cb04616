"""The command line: `bootstrap` and `texts` need the standard library alone, everything else the environment."""
