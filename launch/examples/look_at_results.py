"""Look at a result file with xarray: python launch/examples/look_at_results.py udsgd.h5."""

# %% One call opens everything; variables are what `udsgd inspect udsgd.h5` lists.
import sys

import udsgd_mpi

results = udsgd_mpi.open_results(sys.argv[1])
print(results)

# %% MSE of every variant at its own last step, with its standard error over trials.
for name in results.variant.values:
    errors = results.squared_error.sel(variant=name).dropna("step", how="all").isel(step=-1)
    error = float(errors.std("trial", ddof=1)) / errors.sizes["trial"] ** 0.5
    print(f"{name}: n = {int(errors.step):,}, MSE = {float(errors.mean()):.3e} ± {error:.0e}")

# %% Of Tr V, what each sampler's agents contribute.
if "agent_trace_V" in results:
    shares = results[["sampler", "agent_trace_V"]].to_dataframe()
    print(shares.groupby(["variant", "sampler"], sort=False).sum())
