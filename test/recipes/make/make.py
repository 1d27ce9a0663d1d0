"""Makes the log directories in test/recipes with the frameworks themselves: python make.py NAME ... (README.md says with which versions).

Each is a training of seconds. What is large and nobody reads (checkpoints) is cut to its first bytes afterwards; event files and files of params
stay as they were written, but for the machine's name in the names of event files.
"""
import json
import os
import random
import re
import shutil
import sys
import time
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TF_CPP_MIN_LOG_LEVEL="3", YOLO_OFFLINE="true")
HERE = Path(__file__).resolve().parent.parent
# Frameworks note absolute paths: these say nothing of who made the files.
WORK = Path("/tmp/recipes")
# Whole, since they are read; of all else the first bytes.
STAY = re.compile(r"tfevents|^(params|config|autolog|metrics)\.json$|\.(ya?ml|py|txt)$")
# What no recipe speaks of.
LEFT_OUT = re.compile(r"mlruns|mlflow\.db|(^|/)\.validate|experiment_state|variant-state|tuner\.pkl|optimizer\.pt|rng_state|scheduler\.pt|training_args|checkpoint_\d+/\w+/|log\.txt$|cmd-args|lightning_logs\.txt$")


def keras():
    import keras
    import numpy as np
    from tensorboard.plugins.hparams import api as hp

    keras.utils.set_random_seed(1)
    x = np.random.rand(32, 3).astype("float32")
    hparams = {"units": 4, "lr": 0.01}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hparams["units"]), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(hparams["lr"]), "mse", metrics=["mae"])
    folder = "logs/fit/20240101-120000"
    callbacks = [
        keras.callbacks.TensorBoard(folder, write_graph=False),
        keras.callbacks.ModelCheckpoint(folder + "/ckpt/{epoch:02d}.keras"),
        hp.KerasCallback(folder, hparams),
    ]
    model.fit(x, x.sum(1), epochs=2, batch_size=16, validation_split=0.25, callbacks=callbacks, verbose=0)


def keras_tuner():
    import keras
    import keras_tuner
    import numpy as np

    keras.utils.set_random_seed(1)
    x = np.random.rand(32, 3).astype("float32")

    def build(hp):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.Int("units", 2, 8)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Choice("lr", [0.01, 0.1])), "mse")
        return model

    tuner = keras_tuner.RandomSearch(build, "val_loss", max_trials=2, seed=1, directory="tuner", project_name="study")
    logs = keras.callbacks.TensorBoard("tb_logs", write_graph=False)
    tuner.search(x, x.sum(1), epochs=2, validation_split=0.25, callbacks=[logs], verbose=0)
    shutil.rmtree("tuner")


def pytorch():
    from torch.utils.tensorboard import SummaryWriter

    for name, lr in (("Nov28_07-00-00_host", 0.1), ("Nov28_08-00-00_host", 0.01)):
        with SummaryWriter(f"runs/{name}") as writer:
            for step in range(3):
                writer.add_scalar("Loss/train", lr / (step + 1), step)
            writer.add_hparams({"lr": lr, "batch_size": 8}, {"hparam/accuracy": 0.5 + lr})


def net(lightning, torch):
    class Net(lightning.LightningModule):
        def __init__(self, lr=0.1, act=torch.nn.ReLU):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(3, 1)

        def training_step(self, batch, _):
            loss = self.layer(batch[0]).pow(2).mean()
            self.log("train/loss", loss)
            return loss

        def validation_step(self, batch, _):
            self.log("val/loss", self.layer(batch[0]).pow(2).mean())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), self.hparams.lr)

    data = lambda: torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(16, 3)), batch_size=4)
    return Net, data


QUIET = dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=2)


def lightning():
    import pytorch_lightning
    import torch

    torch.manual_seed(1)
    Net, data = net(pytorch_lightning, torch)
    for lr in (0.1, 0.01):
        last = pytorch_lightning.callbacks.ModelCheckpoint(save_last=True)
        logger = pytorch_lightning.loggers.TensorBoardLogger(".")
        pytorch_lightning.Trainer(max_epochs=2, logger=logger, callbacks=[last], **QUIET).fit(Net(lr), data(), data())


def autolog():
    """What mlflow.pytorch.autolog() and Lightning's TensorBoardLogger write at the same time; the tracker's part is in autolog.json."""
    import mlflow
    import pytorch_lightning
    import torch

    torch.manual_seed(1)
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.pytorch.autolog(log_models=False, checkpoint=False)
    Net, data = net(pytorch_lightning, torch)
    with mlflow.start_run() as run:
        logger = pytorch_lightning.loggers.TensorBoardLogger("runs", name="exp", version="")
        os.makedirs("runs/exp")
        Path("runs/exp/mlflow_run_id.txt").write_text(run.info.run_id + "\n")
        pytorch_lightning.Trainer(max_epochs=2, logger=logger, enable_checkpointing=False, **QUIET).fit(Net(), data(), data())
    client = mlflow.MlflowClient()
    names = client.get_run(run.info.run_id).data.metrics
    points = {name: [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, name)] for name in sorted(names)}
    Path("autolog.json").write_text(json.dumps({"run": run.info.run_id, "metrics": points}, indent=1) + "\n")
    os.remove("mlflow.db")


def hydra():
    import subprocess

    os.makedirs("conf")
    Path("conf/config.yaml").write_text("model: { lr: 0.1, layers: [1, 2] }\nseed: 3\n")
    Path("train.py").write_text(
        "import hydra, os\n"
        "from torch.utils.tensorboard import SummaryWriter\n"
        "@hydra.main(config_path='conf', config_name='config', version_base='1.3')\n"
        "def main(cfg):\n"
        "    out = hydra.core.hydra_config.HydraConfig.get().runtime.output_dir\n"
        "    with SummaryWriter(os.path.join(out, 'tensorboard')) as w:\n"
        "        for i in range(3): w.add_scalar('loss', cfg.model.lr / (i + 1), i)\n"
        "    os.makedirs(os.path.join(out, 'checkpoints'))\n"
        "    open(os.path.join(out, 'checkpoints/last.ckpt'), 'w').write('last')\n"
        "main()\n"
    )
    sweep = "hydra.sweep.dir=multirun/2024-01-01/12-00-00"
    subprocess.run([sys.executable, "train.py", "-m", "model.lr=0.1,5e-5", sweep], check=True)
    shutil.rmtree("conf")
    os.remove("train.py")


def huggingface():
    import torch
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    torch.manual_seed(0)
    row = lambda i: {"input_ids": torch.randint(0, 50, (6,)), "attention_mask": torch.ones(6, dtype=torch.long), "labels": i % 2}
    data = [row(i) for i in range(8)]
    tiny = dict(vocab_size=50, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, max_position_embeddings=8)
    model = BertForSequenceClassification(BertConfig(**tiny))

    def train(name, lr, epochs, start=None):
        steps = dict(eval_strategy="epoch", save_strategy="epoch", logging_steps=1, per_device_train_batch_size=4)
        args = TrainingArguments(f"outputs/{name}", num_train_epochs=epochs, learning_rate=lr, report_to=["tensorboard"], use_cpu=True, **steps)
        Trainer(model, args, train_dataset=data, eval_dataset=data[:4]).train(resume_from_checkpoint=start)

    train("bert-out", 1e-3, 2)
    time.sleep(2.5)
    # Event files are named by the second. The same output continues: a second directory below runs/, and further checkpoints next to the first ones.
    train("bert-out", 1e-3, 3, start=True)
    train("bert-b", 5e-4, 1)


def optuna():
    import optuna as optuna_
    from torch.utils.tensorboard import SummaryWriter

    optuna_.logging.set_verbosity(optuna_.logging.ERROR)

    def objective(trial):
        params = {"lr": trial.suggest_float("lr", 1e-5, 1e-1, log=True), "batch_size": trial.suggest_categorical("batch_size", [32, 64])}
        folder = f"studies/optuna_study/optuna_trial_{trial.number}"
        os.makedirs(folder)
        Path(folder, "params.json").write_text(json.dumps(params))
        with SummaryWriter(folder) as writer:
            for step in range(3):
                writer.add_scalar("loss", params["lr"] / (step + 1), step)
            writer.add_hparams(params, {"hparam/accuracy": 1 - params["lr"]})
        return 1 - params["lr"]

    sampler = lambda: optuna_.samplers.RandomSampler(seed=1)
    optuna_.create_study(direction="maximize", sampler=sampler()).optimize(objective, n_trials=3)


def optuna_callback():
    import optuna as optuna_
    from optuna_integration.tensorboard import TensorBoardCallback

    optuna_.logging.set_verbosity(optuna_.logging.ERROR)
    study = optuna_.create_study(direction="maximize", sampler=optuna_.samplers.RandomSampler(seed=1))
    callback = TensorBoardCallback("studies/my_study", metric_name="accuracy")
    study.optimize(lambda trial: 1 - trial.suggest_float("lr", 0, 1) / trial.suggest_int("depth", 1, 3), n_trials=3, callbacks=[callback])


def rllib():
    import ray
    from ray import tune
    from ray.rllib.algorithms.ppo import PPOConfig

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    config = (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_env_runners=0)
        .training(train_batch_size_per_learner=64, minibatch_size=32, num_epochs=1, lr=tune.grid_search([0.001, 0.0005]))
        .debugging(seed=0)
    )
    run = tune.RunConfig(
        name="PPO_exp",
        storage_path=str(WORK / "rllib/ray_results"),
        stop={"training_iteration": 2},
        verbose=0,
        checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=2),
    )
    tune.Tuner("PPO", param_space=config, run_config=run, tune_config=tune.TuneConfig(max_concurrent_trials=1)).fit()
    ray.shutdown()


def cleanrl():
    """As its scripts write it: they are no package."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    for seed in (1, 2):
        args = {"env_id": "CartPole-v1", "seed": seed, "learning_rate": 0.00025, "num_envs": 4, "anneal_lr": True, "target_kl": None}
        with SummaryWriter(f"runs/CartPole-v1__ppo__{seed}__1700000000") as writer:
            rows = "\n".join([f"|{key}|{value}|" for key, value in args.items()])
            writer.add_text("hyperparameters", "|param|value|\n|-|-|\n%s" % rows)
            for step in range(3):
                writer.add_scalar("charts/episodic_return", torch.tensor(step * 10.0), step)


def stable_baselines3():
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", "CartPole-v1", n_steps=32, batch_size=16, n_epochs=1, tensorboard_log="tb", seed=0, device="cpu")
    model.learn(64)
    model.learn(64)


def mmengine():
    import torch
    from mmengine.evaluator import BaseMetric
    from mmengine.model import BaseModel
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader, TensorDataset

    class Model(BaseModel):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x, y, mode="loss"):
            p = self.layer(x)
            return {"loss": ((p - y) ** 2).mean()} if mode == "loss" else (p, y)

    class Mae(BaseMetric):
        def process(self, _, outputs):
            self.results.append(float((outputs[0] - outputs[1]).abs().mean()))

        def compute_metrics(self, results):
            return {"mae": sum(results) / len(results)}

    torch.manual_seed(0)
    x = torch.randn(16, 4)
    data = lambda: DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
    Runner(
        Model(),
        work_dir="work_dirs/exp1",
        train_dataloader=data(),
        val_dataloader=data(),
        val_evaluator=[Mae()],
        val_cfg=dict(),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01)),
        train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
        default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1), logger=dict(type="LoggerHook", interval=1)),
        visualizer=dict(type="Visualizer", vis_backends=[dict(type="TensorboardVisBackend"), dict(type="LocalVisBackend")]),
        cfg=dict(model=dict(type="Model"), optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01)), train_cfg=dict(max_epochs=2), seed=0),
    ).train()


def ultralytics():
    import numpy as np
    from PIL import Image
    from ultralytics import YOLO, settings

    from ultralytics.utils.callbacks import tensorboard

    settings.update({"tensorboard": True, "mlflow": False, "sync": False})
    # Of a quarter of a megabyte, whatever the model.
    tensorboard._log_tensorboard_graph = lambda trainer: None
    tensorboard.callbacks.pop("on_train_start", None)
    for part in ("train", "val"):
        os.makedirs(f"data/images/{part}")
        os.makedirs(f"data/labels/{part}")
        for i in range(2):
            Image.fromarray(np.random.randint(0, 255, (32, 32, 3), dtype=np.uint8)).save(f"data/images/{part}/{i}.png")
            Path(f"data/labels/{part}/{i}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    Path("data.yaml").write_text(f"path: {WORK}/ultralytics/data\ntrain: images/train\nval: images/val\nnames: {{0: thing}}\n")
    YOLO("yolo11n.yaml").train(data="data.yaml", epochs=2, imgsz=32, batch=2, workers=0, device="cpu", plots=False, amp=False, seed=0)
    shutil.rmtree("data")
    os.remove("data.yaml")


def detectron2():
    """From a checkout of Detectron2 on PYTHONPATH: it is on no registry."""
    import torch
    from detectron2.checkpoint import DetectionCheckpointer
    from detectron2.config import get_cfg
    from detectron2.engine import default_setup, hooks
    from detectron2.engine.defaults import default_argument_parser
    from detectron2.engine.train_loop import SimpleTrainer
    from detectron2.utils.events import JSONWriter, TensorboardXWriter

    torch.manual_seed(0)
    cfg = get_cfg()
    cfg.MODEL.DEVICE = "cpu"
    cfg.SOLVER.BASE_LR = 0.001
    cfg.SOLVER.MAX_ITER = 4
    cfg.freeze()
    default_setup(cfg, default_argument_parser().parse_args([]))

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x):
            return {"loss_cls": self.layer(x).pow(2).mean()}

    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), cfg.SOLVER.BASE_LR)
    trainer = SimpleTrainer(model, [torch.randn(8, 4) for _ in range(cfg.SOLVER.MAX_ITER)], optimizer)
    keep = hooks.PeriodicCheckpointer(DetectionCheckpointer(model, cfg.OUTPUT_DIR), 2)
    write = hooks.PeriodicWriter([JSONWriter(cfg.OUTPUT_DIR + "/metrics.json"), TensorboardXWriter(cfg.OUTPUT_DIR)], period=2)
    trainer.register_hooks([keep, write])
    trainer.train(0, cfg.SOLVER.MAX_ITER)


def catboost():
    import numpy as np
    from catboost import CatBoostClassifier, Pool

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    os.makedirs("catboost_info")
    for depth in (2, 3):
        model = CatBoostClassifier(iterations=4, depth=depth, train_dir=f"catboost_info/depth_{depth}", custom_metric=["AUC"], logging_level="Silent", thread_count=1)
        model.fit(Pool(x[:40], y[:40]), eval_set=[Pool(x[40:], y[40:])])


def nemo():
    import pytorch_lightning  # noqa: F401
    import lightning.pytorch as pl
    import torch
    from nemo.utils.exp_manager import exp_manager

    torch.manual_seed(1)
    Net, data = net(pl, torch)
    trainer = pl.Trainer(max_epochs=2, logger=False, enable_checkpointing=False, **QUIET)
    exp_manager(trainer, {"exp_dir": "nemo_experiments", "name": "asr", "version": "2024-01-01_12-00-00", "checkpoint_callback_params": {"monitor": "val/loss"}})
    trainer.fit(Net(0.1, None), data(), data())


def tidy(name):
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    # When each was written, in milliseconds: git does not keep it.
    times = {}
    for path in sorted(WORK.joinpath(name).rglob("*")):
        if not path.is_file() or path.is_symlink() or LEFT_OUT.search(str(path.relative_to(WORK))):
            continue
        to = out / path.relative_to(WORK / name)
        to = to.with_name(re.sub(r"(tfevents\.\d+\.)[\w-]+", r"\1host", to.name))
        to.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        to.write_bytes(content if STAY.search(path.name) else content[:64])
        times[str(to.relative_to(out))] = int(path.stat().st_mtime * 1000)
    out.joinpath("times.json").write_text(json.dumps(times, indent=1) + "\n")


if __name__ == "__main__":
    random.seed(0)
    for name in sys.argv[1:]:
        folder = WORK / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        os.chdir(folder)
        globals()[name]()
        tidy(name)
