model = dict(type='Model')
optim_wrapper = dict(optimizer=dict(lr=0.01, type='SGD'))
seed = 0
train_cfg = dict(max_epochs=2)
