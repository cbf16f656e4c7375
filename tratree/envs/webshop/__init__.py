"""WebShop: shopping by search and clicks for what an instruction asks (Yao et al., 2022)."""
