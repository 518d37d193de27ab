def groups(mode, n, m):
    source, target = list(range(n)), list(range(n, n + m))
    everything = source + target
    if mode == "bn1":
        return [everything]
    if mode == "bn2":
        return [source, everything]
    return [everything[:n], everything[:m]]
