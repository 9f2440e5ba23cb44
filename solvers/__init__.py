"""Who competes: one folder a method, all behind `solvers.protocol`."""
