"""Objects that are not there: they publish movements as real ones would, so that the chain can be seen at work."""

from bridge.simulator.choice import Choice, Simulated
from bridge.simulator.simulation import MOST_OBJECTS, RATES, SIMULATED, Simulation, Standing

__all__ = ["MOST_OBJECTS", "RATES", "SIMULATED", "Choice", "Simulated", "Simulation", "Standing"]
