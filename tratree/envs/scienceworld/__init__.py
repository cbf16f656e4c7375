"""ScienceWorld (Wang et al., 2022): elementary science experiments on the original simulator."""
