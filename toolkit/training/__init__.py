"""How a policy learns: credit, the trainer on top of TRL, imitation, runs."""
