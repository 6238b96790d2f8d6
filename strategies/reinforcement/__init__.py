"""Reinforcement learning: a policy over choices that rewards shift."""
