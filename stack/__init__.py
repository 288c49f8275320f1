"""The chain's real servers on one machine: installed, started, monitored and stopped from one command."""
