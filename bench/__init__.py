"""Measures Bouncedesk beside its peers on one machine, in one run. `python -m bench` runs everything."""
