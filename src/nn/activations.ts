import { tf } from '../core/backend';
import { shown, ZsaqError } from '../core/error';
import { operation } from '../core/grad';
import { gelu } from '../core/kernels';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';

const ROOT = Math.sqrt(2 / Math.PI), CUBIC = 0.044715;

/** gelu(x) = x (1 + t) / 2, t = tanh(sqrt(2 / pi) (x + 0.044715 x³)): the approximation that GPT-2 was trained with. */
export function geluTanh(x: Tensor): Tensor {
  return operation([x], (save) => {
    // a square by itself: tf.pow takes many times as long
    const t = tf.tanh(tf.mul(tf.mul(x, ROOT), tf.add(tf.mul(tf.square(x), CUBIC), 1)));
    save([x, t]);
    return tf.mul(tf.mul(x, 0.5), tf.add(t, 1));
  }, (dy, [input, t]) => [() => {
    const inner = tf.mul(tf.add(tf.mul(tf.square(input), 3 * CUBIC), 1), ROOT); // d(argument of tanh) / dx
    const slope = tf.mul(tf.mul(input, inner), tf.sub(1, tf.square(t)));
    return tf.mul(tf.mul(dy, 0.5), tf.add(tf.add(t, 1), slope));
  }]);
}

const ACTIVATIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu: (x) => tf.relu(x),
  tanh: (x) => tf.tanh(x),
};

/** The nonlinearity that `config.json` names. @throws ZsaqError 'unsupported' with the names that are known */
export function activation(name: string): (x: Tensor) => Tensor {
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    throw new ZsaqError('unsupported', `config.json: activation ${shown(name)} is not known: ${Object.keys(ACTIVATIONS).join(', ')} are`);
  }
  return ACTIVATIONS[name];
}

/** True for ReLU and the GELUs, which are (nearly) never below zero. */
export function isOneSided(act: (x: Tensor) => Tensor): boolean { return act !== ACTIVATIONS.tanh; }
