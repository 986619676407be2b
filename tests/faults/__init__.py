"""Every documented way in which a provider fails, played on the whole stack: `make faults`."""
