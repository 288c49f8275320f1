"""The real servers of the chain on one machine: installed, started, watched and stopped from one command."""
