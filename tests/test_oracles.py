"""What must agree with other packages: torch on layers, Adam and whole training steps,
scikit-learn on recall and principal components. Each test is skipped where its package is missing.

Two correct programs add the same numbers in another order, so they agree to rounding only: about
1e-15 for one layer in float64, more after 50 steps that build upon each other.
"""

import numpy as np
import pytest

from minidann import feeding, model, ops, optim, training
from minidann.choices import Choices
from minidann.gradcheck.network import padded
from minidann.measure import metrics
from minidann.ops.dropout import draw_mask
from minidann.run import plots
from minidann.training import State

RECORDED = ("emotion_loss", "emotion_grad_norm", "domain_loss", "domain_grad_norm")
ALPHA, BETA = 0.3, 1.7  # not 0.5 and 1, where several mistakes look right
L1, L2 = 3e-3, 5e-3
N, M = 7, 5  # source and target rows of a step
STEPS = 50
LAYER_TOLERANCE, STEPS_TOLERANCE = 1e-10, 1e-8


@pytest.fixture(scope="module")
def torch():
    """torch on one thread, which is all that small arrays are worth."""
    torch = pytest.importorskip("torch", reason="torch, the oracle, is not installed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def error(ours, theirs):
    """The largest difference over the largest entry of `theirs`; infinite where that is zero.

    Entry by entry would not do: a tiny entry of a right gradient can be far off by rounding alone.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    scale = np.abs(theirs).max()
    return np.abs(ours - theirs).max() / scale if scale > 1e-12 else np.inf


def has_active_ties(conv, size):
    """Whether in some pool of conv (N, T', F) a maximum above zero stands more than once."""
    n, t, f = conv.shape
    top = np.sort(conv[:, : t // size * size].reshape(n, -1, size, f), axis=2)
    return ((top[:, :, -1] == top[:, :, -2]) & (top[:, :, -1] > 0)).any()


# Each op as torch has it. Time-major (N, T, D) becomes torch's channels first (N, D, T).


def reversal(torch):
    """The gradient reversal layer, apply(x, factor): x forwards, factor times the gradient back."""

    class Reversal(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x.view_as(x)

        @staticmethod
        def backward(ctx, dout):
            return ctx.factor * dout, None

    return Reversal.apply


def torch_conv1d(torch, x, w, b, stride=3):
    conv = torch.nn.functional.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), b, stride=stride)
    return conv.transpose(1, 2)


def torch_maxpool(torch, x, size=30, stride=30):
    return torch.nn.functional.max_pool1d(x.transpose(1, 2), size, stride).transpose(1, 2)


def torch_attention(torch, f, v):
    # Attention of the transformers, with one query and the frames as keys and values; it divides
    # the scores by the square root of the width, which equation 1 does not.
    query = (len(v) ** 0.5 * v).expand(len(f), 1, len(v))
    return torch.nn.functional.scaled_dot_product_attention(query, f, f)[:, 0]


def torch_batchnorm(torch, x, gamma, beta, running=None):
    mean, var = (None, None) if running is None else map(torch.tensor, running)
    return torch.nn.functional.batch_norm(
        x, mean, var, gamma, beta, training=running is None, eps=1e-5
    )


TORCH = {
    "conv1d": torch_conv1d,
    "relu": lambda torch, x: torch.relu(x),
    "maxpool": torch_maxpool,
    "attention": torch_attention,
    "batchnorm": torch_batchnorm,
    "dropout": lambda torch, x, mask: x * torch.tensor(mask),
    "dense": lambda torch, x, w, b: torch.nn.functional.linear(x, w.T, b),
    "softmax_cross_entropy": lambda torch, z, labels: torch.nn.functional.cross_entropy(
        z, torch.tensor(labels)
    ),
    "gradient_reversal": lambda torch, x, beta: reversal(torch)(x, -beta),
    "conv_relu_maxpool": lambda torch, x, w, b: torch_maxpool(
        torch, torch.relu(torch_conv1d(torch, x, w, b))
    ),
}


def normal(*shapes):
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


CONV = ((3, 97, 26), (10, 26, 12), (12,))
CASES = {  # name -> op, its arrays, its options
    "conv1d": ("conv1d", normal(*CONV), {}),
    "conv1d, stride 1": ("conv1d", normal(*CONV), {"stride": 1}),
    "conv1d, frames between windows": ("conv1d", normal(*CONV), {"stride": 13}),
    "conv1d, kernel of one frame": ("conv1d", normal((3, 20, 4), (1, 4, 5), (5,)), {}),
    "relu": ("relu", lambda rng: (np.round(rng.standard_normal((4, 9, 5)), 1),), {}),  # has zeros
    "maxpool": ("maxpool", normal((4, 247, 12)), {}),
    "maxpool, overlapping": ("maxpool", normal((4, 50, 12)), {"size": 7, "stride": 3}),
    "maxpool, ties": ("maxpool", lambda rng: (padded(rng, 5, 247, 12),), {}),
    "maxpool, ties, overlapping": (
        "maxpool", lambda rng: (padded(rng, 5, 60, 12),), {"size": 7, "stride": 3}),
    "attention": ("attention", normal((5, 8, 12), (12,)), {}),
    "batchnorm": ("batchnorm", normal((9, 20), (20,), (20,)), {}),
    "batchnorm, inference": (
        "batchnorm", normal((9, 20), (20,), (20,)),
        {"running": (np.linspace(-1, 1, 20), np.linspace(0.5, 3, 20))}),
    "dropout": (
        "dropout", normal((9, 20)),
        {"mask": draw_mask(np.random.default_rng(1), (9, 20), 0.7, np.float64)}),
    "dense": ("dense", normal((9, 20), (20, 2), (2,)), {}),
    "softmax_cross_entropy": (
        "softmax_cross_entropy", normal((6, 3)), {"labels": np.array([0, 2, 1, 1, 0, 2])}),
    "gradient_reversal": ("gradient_reversal", normal((9, 20)), {"beta": BETA}),
    "conv_relu_maxpool": ("conv_relu_maxpool", normal((4, 200, 26), *CONV[1:]), {}),
    "conv_relu_maxpool, ties": (
        "conv_relu_maxpool", lambda rng: (padded(rng, 5, 750, 26), *normal(*CONV[1:])(rng)), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_ops_equal_torch(torch, case):
    """Forwards, and in each gradient for a random dout."""
    name, draw, options = CASES[case]
    rng = np.random.default_rng(0)
    arrays, op = draw(rng), getattr(ops, name)
    out, cache = op.forward(*arrays, **options)
    upstream = np.asarray(rng.standard_normal(np.shape(out)))
    gradients = op.backward(upstream, cache)
    assert len(gradients) == len(arrays)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    torch_out = TORCH[name](torch, *tensors, **options)
    torch_out.backward(torch.tensor(upstream))
    assert error(out, torch_out.detach()) <= LAYER_TOLERANCE
    for gradient, tensor in zip(gradients, tensors):
        if gradient is not None:  # the first layer has none for its input
            assert error(gradient, tensor.grad) <= LAYER_TOLERANCE


def test_no_op_is_left_out():
    assert {name for name, _, _ in CASES.values()} == set(ops.__all__)


def test_the_tied_examples_have_ties_that_matter():
    rng = np.random.default_rng(0)
    (x,) = CASES["maxpool, ties"][1](rng)
    assert has_active_ties(x - x.min(), 30)
    x, w, b = CASES["conv_relu_maxpool, ties"][1](rng)
    assert has_active_ties(ops.conv1d.forward(x, w, b)[0], 30)


def test_dropout_equals_torchs_own(torch):
    x = np.random.default_rng(0).standard_normal((40, 50))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mask = torch.nn.functional.dropout(torch.ones(40, 50, dtype=torch.float64), 0.7).numpy()
        torch.manual_seed(0)
        expected = torch.nn.functional.dropout(torch.tensor(x), 0.7)
    drawn = draw_mask(np.random.default_rng(0), x.shape, 0.7, np.float64)
    np.testing.assert_allclose(np.unique(drawn), np.unique(mask), rtol=1e-15)
    assert error(ops.dropout.forward(x, mask=mask)[0], expected) <= LAYER_TOLERANCE


def test_running_statistics_equal_torchs_but_for_its_unbiased_variance(torch):
    rng = np.random.default_rng(0)
    gamma, beta, running = np.ones(4), np.zeros(4), (np.zeros(4), np.ones(4))
    mean, var = (torch.tensor(array) for array in running)
    for n in (9, 5, 7):
        x = 3 * rng.standard_normal((n, 4)) + 2
        before = var.numpy().copy()
        _, cache = ops.batchnorm.forward(x, gamma, beta)
        running = ops.batchnorm.update_running(running, cache)
        torch.nn.functional.batch_norm(torch.tensor(x), mean, var, training=True, momentum=0.1)
        assert error(running[0], mean) <= LAYER_TOLERANCE
        assert error(running[1], var) > 1e-3  # torch divides by n - 1 here, though not in `out`
        var.copy_(torch.tensor(0.9 * before + (var.numpy() - 0.9 * before) * (n - 1) / n))
        assert error(running[1], var) <= LAYER_TOLERANCE


# The optimiser.


def test_adam_equals_torch_also_where_a_parameter_has_no_gradient(torch):
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 4, 5), "b": (6,), "c": (7, 2), "d": ()}
    params = {name: np.asarray(rng.standard_normal(shape)) for name, shape in shapes.items()}
    scales = dict(zip(shapes, (1.0, 1e-9, 1e3, 1e-3)))  # 1e-9 is below Adam's epsilon
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    oracle = torch.optim.Adam(tensors.values(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    state = optim.start(params)
    for i in range(STEPS):
        absent = {"c"} if i % 2 else {"d"} if i % 7 == 0 else set()
        grads = {
            name: np.asarray(scales[name] * rng.standard_normal(shape))
            for name, shape in shapes.items()
            if name not in absent
        }
        grads["a"][0] = 0
        rate = optim.learning_rate(i)
        params, state = optim.step(params, grads, state, rate)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name]) if name in grads else None
        oracle.param_groups[0]["lr"] = rate
        oracle.step()
        for name, tensor in tensors.items():
            assert error(params[name], tensor.detach()) <= 1e-12, f"step {i}, {name}"
    for name, tensor in tensors.items():
        theirs = oracle.state[tensor]
        assert int(state[f"{name}.t"]) == int(theirs["step"]) == {"c": 25, "d": 46}.get(name, 50)
        for ours, key in ((f"{name}.m", "exp_avg"), (f"{name}.v", "exp_avg_sq")):
            np.testing.assert_allclose(state[ours], theirs[key], rtol=1e-11, atol=0)


def decaying(torch, optimiser):
    """`step()` after each epoch: torch's exponential decay, and no rate below 5e-5."""
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.93)

    def step():
        schedule.step()
        for group in optimiser.param_groups:
            group["lr"] = max(group["lr"], 5e-5)

    return step


def test_the_learning_rate_is_an_exponential_decay_with_a_floor(torch):
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)
    step = decaying(torch, optimiser)
    for epoch in range(80):
        rate = optimiser.param_groups[0]["lr"]
        assert optim.learning_rate(epoch) == pytest.approx(rate, rel=1e-12)
        assert (rate == 5e-5) == (epoch >= 42)
        optimiser.step()
        step()


# The whole network as one writes it in torch: figure 1 and equations 1 to 10.


def torch_network(torch, params, running, mode, *, reversal_factor=-BETA, biased=True):
    """A torch module with these parameters. Its `array(name)` is the one of that name in minidann:
    every tensor is the transpose of it, all axes turned round. The options make it wrong."""
    nn, reverse = torch.nn, reversal(torch)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            _, mels, filters = params["conv.w"].shape
            features = len(params["emotion.w"])
            self.conv = nn.Conv1d(mels, filters, kernel_size=10, stride=3)
            self.pool = nn.MaxPool1d(30)
            self.query = nn.Parameter(torch.empty(filters))
            self.emotion = nn.Linear(features, 2)
            self.tensors = {
                "conv.w": self.conv.weight, "conv.b": self.conv.bias, "attention.v": self.query,
                "emotion.w": self.emotion.weight, "emotion.b": self.emotion.bias,
            }  # fmt: skip
            if mode != "none":
                self.norm = nn.BatchNorm1d(features, eps=1e-5, momentum=0.1)
                self.tensors |= {"bn.gamma": self.norm.weight, "bn.beta": self.norm.bias}
            if "domain.w" in params:
                self.domain = nn.Linear(features, 2)
                self.tensors |= {
                    "domain.w": self.domain.weight, "domain.b": self.domain.bias,
                }  # fmt: skip
            self.to(getattr(torch, str(params["conv.w"].dtype)))
            assert self.tensors.keys() == params.keys()
            with torch.no_grad():
                for name, tensor in self.tensors.items():
                    tensor.copy_(torch.tensor(params[name].T.copy()))
                if mode != "none":
                    self.norm.running_mean.copy_(torch.tensor(running["bn.mean"]))
                    self.norm.running_var.copy_(torch.tensor(running["bn.var"]))

        def array(self, name):
            if name in ("bn.mean", "bn.var"):
                return getattr(self.norm, name.replace("bn.", "running_")).numpy()
            return self.tensors[name].detach().numpy().T

        def encode(self, x):
            f = self.pool(torch.relu(self.conv(x.transpose(1, 2)))).transpose(1, 2)  # (N, 8, F)
            s = torch.softmax(torch.einsum("npf,f->np", f, self.query), dim=1)  # (1)
            a = torch.einsum("np,npf->nf", s, f)  # (2)
            return torch.cat([f, a.unsqueeze(1)], dim=1).flatten(1)  # (N, 9F)

        def normalise(self, h):
            """Batch norm; torch's running variance is unbiased and is turned into the biased."""
            before = self.norm.running_var.clone()
            out = self.norm(h)
            if self.training and biased:
                moved = self.norm.running_var - 0.9 * before
                self.norm.running_var = 0.9 * before + moved * (len(h) - 1) / len(h)
            return out

        def feed(self, h, n):
            """Table 3: what the emotion classifier reads, what the domain classifier reads."""
            if mode == "none":
                return h[:n], h.clone()
            if mode == "bn2":
                return self.normalise(h[:n]), self.normalise(h)
            if mode == "bn3":
                source, target = self.normalise(h[:n]), self.normalise(h[n:])
                return source.clone(), torch.cat([source, target])
            both = self.normalise(h)
            return both[:n], both.clone()

        def losses(self, x, labels, mask):
            """L_e (5) and L_l (6), None where there is none; keeps what the classifiers read."""
            n, cross_entropy = len(labels), torch.nn.functional.cross_entropy
            emotion_loss = domain_loss = None
            self.read = self.feed(self.encode(x), n)
            for features in self.read:
                features.retain_grad()
            emotion, domain = self.read
            if n:
                emotion_loss = cross_entropy(self.emotion(emotion * mask[:n]), labels)
            if "domain.w" in params:
                domain = reverse(domain * mask, reversal_factor)  # (3), (4)
                is_target = (torch.arange(len(x)) >= n).long()
                domain_loss = cross_entropy(self.domain(domain), is_target)
            return emotion_loss, domain_loss

        @torch.no_grad()
        def infer(self, x):
            """The encoder's output in inference, and what each classifier says of it."""
            self.eval()
            f = self.encode(x)
            f = f if mode == "none" else self.normalise(f)
            heads = [name for name in ("emotion", "domain") if f"{name}.w" in params]
            return f, {name: torch.softmax(getattr(self, name)(f), dim=1) for name in heads}

    return Network()


def torch_step(network, optimiser, x, labels, mask):
    """One optimiser step on the loss (7) and the penalties -> of emotion and of language the loss
    and the norm of the gradient of what the classifier reads; NaN where it took no part."""
    emotion_loss, domain_loss = network.losses(x, labels, mask)
    alpha = 1 if domain_loss is None else ALPHA
    kernels, total = [network.conv.weight], 0
    if emotion_loss is not None:
        kernels.append(network.emotion.weight)
        total = total + alpha * emotion_loss
    if domain_loss is not None:
        kernels.append(network.domain.weight)
        total = total + (1 - alpha) * domain_loss
    for w in kernels:
        total = total + L1 * w.abs().sum() + L2 * (w**2).sum()
    optimiser.zero_grad()
    total.backward()
    optimiser.step()
    losses = (emotion_loss, domain_loss)
    grad_norms = (0.0 if f.grad is None else f.grad.norm().item() for f in network.read)
    return [
        number
        for loss, grad_norm in zip(losses, grad_norms, strict=True)
        for number in ((np.nan, np.nan) if loss is None else (loss.item(), grad_norm))
    ]


def batches(rng, steps, filters, dtype):
    """(x, labels, mask) of N source and M target rows; the languages differ in level."""
    for _ in range(steps):
        x = padded(rng, N + M, 750, 26)
        x[:N] += 0.4
        labels = rng.permutation(np.arange(N) % 2)
        mask = draw_mask(rng, (N + M, 9 * filters), 0.7, dtype)
        yield x.astype(dtype), labels, mask


def train_both(
    torch, mode, *, domain=True, filters=8, steps=STEPS, dtype=np.float64, torch_mode=None, **wrong
):
    """minidann and torch from the same weights over the same batches; `steps` updates each.

    The convolution's bias starts from -1, where each channel is silent in some pool of some step.
    Where a channel is active in all of them, batch norm takes its bias out again: the true gradient
    is zero, and what each program finds is its own rounding, which Adam divides by itself.

    -> minidann's state, torch's network and optimiser, and what each step of the two returned.
    """
    torch_mode = torch_mode or mode
    rng = np.random.default_rng(3)
    params, running = model.initialise(
        rng, filters=filters, batch_norm=mode != "none", domain=domain, dtype=dtype
    )
    params["conv.b"] = params["conv.b"] - dtype(1)
    choices = Choices(
        "recola", "iemocap", model="our" if domain else "base", bn=mode, alpha=ALPHA, l1=L1, l2=L2
    )
    state = State(params, running, optim.start(params))
    network = torch_network(torch, params, running, torch_mode, **wrong)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    decay = decaying(torch, optimiser)
    records, torch_records = [], []
    updates = 2 if mode == "bn4" else 1
    for i, (x, labels, mask) in enumerate(batches(rng, steps // updates, filters, dtype)):
        if not domain:
            x, mask = x[:N], mask[:N]
        for rows, n in feeding.steps(mode, N, len(x) - N):
            domains = (np.arange(len(x)) >= N)[rows].astype(int)
            record = training.update(
                choices, state, x[rows], labels[:n], mask[rows],
                rate=optim.learning_rate(i), beta=BETA, domain_labels=domains,
            )  # fmt: skip
            records.append([record.get(name, np.nan) for name in RECORDED])
        tensors = torch.tensor(x), torch.tensor(labels), torch.tensor(mask)
        if torch_mode == "bn4":
            x, labels, mask = tensors
            torch_records.append(torch_step(network, optimiser, x[:N], labels, mask[:N]))
            torch_records.append(torch_step(network, optimiser, x[N:], labels[:0], mask[N:]))
        else:
            torch_records.append(torch_step(network, optimiser, *tensors))
        decay()
    assert len(records) == len(torch_records) == steps
    return state, network, optimiser, np.array(records), np.array(torch_records)


def apart(state, network, optimiser):
    """Parameter, running statistic or moment -> how far minidann's is from torch's. Adam divides a
    gradient's scale out of the weights again, so a gradient that is twice too large shows only in
    the moments."""
    ours = state.params | state.running
    found = {name: error(value, network.array(name)) for name, value in ours.items()}
    for name, tensor in network.tensors.items():
        for moment, theirs in (("m", "exp_avg"), ("v", "exp_avg_sq")):
            expected = optimiser.state[tensor][theirs].numpy().T
            found[f"{name}.{moment}"] = error(state.adam[f"{name}.{moment}"], expected)
    return found


def inference_apart(torch, state, network):
    """How far f and the classifiers' probabilities are apart on new rows, the largest of them."""
    dtype = state.params["conv.w"].dtype
    x = padded(np.random.default_rng(5), 4, 750, 26).astype(dtype)
    torch_f, torch_outputs = network.infer(torch.tensor(x))
    f = model.normalise(state.params, state.running, model.encode(state.params, x)[0])
    outputs = (
        error(model.classify(state.params, f, name), expected)
        for name, expected in torch_outputs.items()
    )
    return max(error(f, torch_f), *outputs)


NETWORKS = [(mode, {}) for mode in feeding.MODES]
NETWORKS += [(mode, {"domain": False}) for mode in ("bn1", "none")]  # base
NETWORKS += [("bn1", {"filters": model.FILTERS, "steps": 4})]  # the paper's size


@pytest.mark.parametrize("mode, options", NETWORKS)
def test_training_equals_torch(torch, mode, options):
    """Weights, running statistics and moments after all steps, each step's losses and gradient
    norms, and what the trained networks say of new rows."""
    state, network, optimiser, records, torch_records = train_both(torch, mode, **options)
    for name, by in apart(state, network, optimiser).items():
        assert by <= STEPS_TOLERANCE, f"{mode}, {name}: {by:.1e}"
    np.testing.assert_allclose(records, torch_records, rtol=STEPS_TOLERANCE)  # NaN where torch's is
    assert inference_apart(torch, state, network) <= STEPS_TOLERANCE


@pytest.mark.parametrize("mode, wrong, where", [
    ("bn1", {"reversal_factor": BETA}, "conv.w"),  # the reversal's sign dropped
    ("none", {"reversal_factor": BETA}, "conv.w"),
    ("bn1", {"reversal_factor": -1}, "conv.w"),  # beta ignored
    ("bn1", {"biased": False}, "bn.var"),
    ("bn1", {"torch_mode": "bn2"}, "conv.w"),
    ("bn2", {"torch_mode": "bn3"}, "conv.w"),
])  # fmt: skip
def test_a_wrong_network_is_seen(torch, mode, wrong, where):
    state, network, optimiser, *_ = train_both(torch, mode, steps=6, **wrong)
    assert apart(state, network, optimiser)[where] > 1e5 * STEPS_TOLERANCE


@pytest.mark.parametrize("mode", feeding.MODES)
def test_outputs_in_float32_equal_torch(torch, mode):
    """The paper's size. Weights are not compared: Adam's first step is little more than the
    gradient's sign, so where the gradient is rounding a weight may go either way."""
    state, *_, records, torch_records = train_both(
        torch, mode, filters=model.FILTERS, steps=2 if mode == "bn4" else 1, dtype=np.float32
    )
    np.testing.assert_allclose(records, torch_records, rtol=1e-3)
    network = torch_network(torch, state.params, state.running, mode)  # the same weights again
    assert inference_apart(torch, state, network) <= 1e-3


# scikit-learn.


@pytest.fixture(scope="module")
def sklearn():
    return pytest.importorskip("sklearn", reason="scikit-learn, the oracle, is not installed")


@pytest.mark.parametrize("seed", range(5))
def test_recall_and_confusion_equal_scikit_learn(sklearn, seed):
    from sklearn.metrics import balanced_accuracy_score, confusion_matrix

    rng = np.random.default_rng(seed)
    labels = (rng.random(200) ** 2 * 2).astype(int)  # more of the first
    predictions = np.where(rng.random(200) < 0.6, labels, rng.integers(0, 2, 200))
    counts = metrics.confusion(labels, predictions)
    np.testing.assert_array_equal(counts, confusion_matrix(labels, predictions))
    expected = balanced_accuracy_score(labels, predictions)
    assert metrics.uar(labels, predictions) == pytest.approx(expected, abs=1e-12)
    assert expected != pytest.approx((labels == predictions).mean(), abs=1e-4)


@pytest.mark.parametrize("shape", [(300, 40), (30, 200)])  # also fewer rows than features
def test_principal_components_equal_scikit_learn_up_to_sign(sklearn, shape):
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    f = rng.standard_normal(shape) * np.linspace(5, 1, shape[1]) + 3
    points, share = plots.principal_components(f)
    pca = PCA(2, svd_solver="full")
    expected = pca.fit_transform(f)
    assert error(points * np.sign((points * expected).sum(axis=0)), expected) <= LAYER_TOLERANCE
    assert error(share, pca.explained_variance_ratio_) <= LAYER_TOLERANCE
