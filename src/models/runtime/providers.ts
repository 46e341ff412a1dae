import { AppError } from '../../domain/errors.js'

/** Names of ONNX Runtime's execution providers. */
export const EXECUTION_PROVIDERS = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'] as const
export type ExecutionProvider = (typeof EXECUTION_PROVIDERS)[number]

/** Platforms in onnxruntime-node 1.30, and further requirements. */
const REQUIREMENTS: Readonly<Record<ExecutionProvider, string>> = {
  cpu: 'nothing',
  cuda: 'Linux on x86-64, an NVIDIA GPU with its driver, CUDA 13 and cuDNN 9, and the libraries that infra/images/worker-cuda.Dockerfile installs',
  tensorrt: 'the requirements of cuda, and TensorRT',
  webgpu: 'Windows, macOS on ARM64, or Linux on x86-64, and a GPU with a driver for Direct3D 12, Metal or Vulkan',
  coreml: 'macOS on ARM64',
  dml: 'Windows and a GPU with a driver for Direct3D 12',
}

/**
 * Returns the images per inference call when no size is set. On a CPU a larger call gains nothing and blocks longer; a
 * GPU idles between small calls.
 */
export function defaultImagesPerCall(provider: ExecutionProvider): number {
  return provider === 'cpu' ? 8 : 64
}

/** Returns the error for unusable providers. @param problems the reason per provider */
export function unusable(
  problems: readonly { provider: ExecutionProvider; reason: string }[],
  cause?: unknown,
): AppError {
  const found = problems.map(
    ({ provider, reason }) => `${provider} expects ${REQUIREMENTS[provider]}; found: ${reason}.`,
  )
  const wanted = problems.map(({ provider }) => provider).join(',')
  return new AppError(
    'CONFIG_INVALID',
    `EXECUTION_PROVIDER: ${found.join(' ')} Install what is missing, name a fallback (EXECUTION_PROVIDER=${wanted},cpu), or set it to cpu.`,
    { cause },
  )
}
