// The recording that the other tests of services compare with is what the services' own libraries do.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { outputOf, pythonEnvironment, REPOSITORY } from '../../../support/python-tools.ts';
import { realTracker } from '../../../support/real-tracker.ts';

const REQUIREMENTS = [
  'azure-identity==1.27.0',
  'azureml-mlflow==1.62.0.post6',
  'botocore==1.44.8',
  'databricks-sdk==0.162.0',
  'mlflow-skinny==3.15.0',
  'sagemaker-mlflow==0.5.0',
];

const venv = await realTracker('libraries of services that host MLflow', () =>
  pythonEnvironment({ name: 'mlflow-services', requirements: REQUIREMENTS }),
);

if (venv !== undefined) {
  test('the libraries of the services do what is recorded', async () => {
    const said = await outputOf(join(venv, 'bin/python'), [join(REPOSITORY, 'test/support/mlflow_services.py')], 120_000);
    expect(JSON.parse(said)).toEqual(JSON.parse(readFileSync(join(REPOSITORY, 'test/support/mlflow-services.json'), 'utf8')));
  }, 150_000);
}
