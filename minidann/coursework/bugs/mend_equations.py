def equations(emotion, domain, *, alpha, beta):
    grads = {name: alpha * gradient for name, gradient in emotion.items()}
    for name, gradient in domain.items():
        reversed_gradient = (1 - alpha) * beta * gradient
        if name.startswith("domain."):
            grads[name] = reversed_gradient
        else:
            grads[name] = grads.get(name, 0) - reversed_gradient
    return grads
