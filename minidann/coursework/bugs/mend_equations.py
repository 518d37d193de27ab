def equations(emotion, domain, *, alpha, beta):
    grads = {name: alpha * gradient for name, gradient in emotion.items()}
    for name, gradient in domain.items():
        pull = (1 - alpha) * beta * gradient
        if name.startswith("domain."):
            grads[name] = pull
        else:
            grads[name] = grads.get(name, 0) - pull
    return grads
