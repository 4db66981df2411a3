"""Stateful stand-ins for Slack and Zendesk on loopback HTTP, for tests, the demo and trying the product."""

from infra.sandbox.deliveries import Delivery
from infra.sandbox.faults import Fault
from infra.sandbox.sandbox import Sandbox
from infra.sandbox.state import Effect

__all__ = ["Delivery", "Effect", "Fault", "Sandbox"]
