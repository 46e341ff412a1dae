import { InferenceSession, type Tensor } from 'onnxruntime-node'
import { AppError } from '../domain/errors.js'

/** An input or output that a tower must have. `shape`: the sizes that matter, undefined where any will do. */
export interface ExpectedTensor {
  readonly name: string
  readonly type: Tensor.Type
  readonly shape: readonly (number | undefined)[]
}

export interface TowerContract {
  readonly path: string
  readonly input: ExpectedTensor
  /** Inputs that are fed when the session lists them. */
  readonly optionalInputs?: readonly ExpectedTensor[]
  readonly output: ExpectedTensor
}

/** One ONNX session whose names, types and shapes were checked when it was loaded. */
export class Tower {
  private constructor(
    private readonly session: InferenceSession,
    private readonly contract: TowerContract,
  ) {}

  /**
   * @param threads threads within an operator; 0: one a core
   * @throws AppError MODEL_INVALID when the file is unreadable or is not such a tower
   */
  static async open(contract: TowerContract, threads: number): Promise<Tower> {
    const session = await createSession(contract.path, threads)
    try {
      check(session, contract)
    } catch (error) {
      await session.release()
      throw error
    }
    return new Tower(session, contract)
  }

  hasInput(name: string): boolean {
    return this.session.inputNames.includes(name)
  }

  /**
   * @param feeds by input name
   * @returns the output's rows, [rows, dimension], row after row
   */
  async run(feeds: Readonly<Record<string, Tensor>>, rows: number): Promise<Float32Array> {
    const { output, path } = this.contract
    const { [output.name]: tensor } = await this.session.run(feeds, [output.name])
    const dimension = output.shape.at(-1)!
    if (tensor?.dims.length !== 2 || tensor.dims[0] !== rows || tensor.dims[1] !== dimension)
      throw invalid(path, `${output.name} of shape [${rows}, ${dimension}]`, `[${tensor?.dims.join(', ')}]`)
    return tensor.data as Float32Array
  }

  async release(): Promise<void> {
    await this.session.release()
  }
}

async function createSession(path: string, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, {
      ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      logSeverityLevel: 3,
      // Idle threads sleep instead of spinning: downloads and decoding of the next batch need the cores.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    })
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw invalid(path, 'an ONNX model', found, cause)
  }
}

function check(session: InferenceSession, { path, input, optionalInputs = [], output }: TowerContract): void {
  expectTensor(path, 'input', session.inputMetadata, input)
  expectTensor(path, 'output', session.outputMetadata, output)
  for (const metadata of session.inputMetadata) {
    const known = [input, ...optionalInputs].find(expected => expected.name === metadata.name)
    if (!known) throw invalid(path, `no input besides ${input.name}`, `input ${metadata.name}`)
    expectTensor(path, 'input', session.inputMetadata, known)
  }
}

function expectTensor(
  path: string,
  role: 'input' | 'output',
  listed: readonly InferenceSession.ValueMetadata[],
  expected: ExpectedTensor,
): void {
  const wanted = `${role} ${expected.name} ${expected.type} [${expected.shape.map(size => size ?? '?').join(', ')}]`
  const found = listed.find(metadata => metadata.name === expected.name)
  if (!found) throw invalid(path, wanted, `${role}s ${listed.map(({ name }) => name).join(', ')}`)
  if (!found.isTensor) throw invalid(path, wanted, 'not a tensor')
  const fits =
    found.type === expected.type &&
    found.shape.length === expected.shape.length &&
    expected.shape.every(
      (size, i) => size === undefined || typeof found.shape[i] !== 'number' || found.shape[i] === size,
    )
  if (!fits) throw invalid(path, wanted, `${found.type} [${found.shape.join(', ')}]`)
}

function invalid(path: string, expected: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `${path}: expected ${expected}, found ${found}. Check the files with \`models verify\`, fetch them again with \`models pull\`.`,
    { cause },
  )
}
