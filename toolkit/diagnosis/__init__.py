"""Why is nothing being learnt? What the events of a run tell about it.

Neither torch nor TRL is needed, so a recorded run can be diagnosed on any machine.
"""

from __future__ import annotations

from toolkit.diagnosis.alerts import Alert, Diagnosis, diagnose
from toolkit.diagnosis.rules import RULES, Rule, Severity

__all__ = ["RULES", "Alert", "Diagnosis", "Rule", "Severity", "diagnose"]
