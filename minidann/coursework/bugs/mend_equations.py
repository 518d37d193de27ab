def equations(emotion, language, *, alpha, beta):
    grads = {name: alpha * gradient for name, gradient in emotion.items()}
    for name, gradient in language.items():
        pull = (1 - alpha) * beta * gradient
        if name.startswith("language."):
            grads[name] = pull
        else:
            grads[name] = grads.get(name, 0) - pull
    return grads
