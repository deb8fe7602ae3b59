"""Commands that write, killed at random moments and started in pairs: nothing lost or different."""
