/** What is expected of one precision of a model in miniature. */
export interface Exported {
  /** Outcomes of class-token-only, signed-weights and byte-pixels for the image tower. */
  readonly image: readonly string[]
  /** Outcome of signed-weights for the text tower. */
  readonly text?: readonly string[]
  /** Least cosine similarity of images with PyTorch's, without the mean. */
  readonly images: number
  /** The same of texts; absent: 0.99999. */
  readonly texts?: number
  /** Least cosine similarity of images with the runtime's on the file as it is, and without the mean; absent: 0.99999. */
  readonly untouched?: { readonly direct: number; readonly centred: number }
}

type Table = Readonly<Record<string, Readonly<Record<string, Exported>>>>

const A = 'applied'
const N = 'not-needed'
const L = 'left-out'

/** The range of dynamic quantisation differs where only the class token is left. */
const near = (direct: number, centred: number) => ({ direct, centred })

/**
 * By folder of test/models/exported, and by precision. The models are so small that rounding to 8 bits moves an embedding
 * ten times as far as that of a real model; in floating point everything is equal.
 */
export const EXPORTED: Table = {
  hub: {
    fp32: { image: [A, N, N], text: [N], images: 0.99999 },
    int8: { image: [A, A, A], text: [N], images: 0.99, texts: 0.98, untouched: near(0.9998, 0.999) },
  },
  optimum: {
    fp32: { image: [A, N, N], text: [N], images: 0.99999 },
    int8: { image: [A, A, A], text: [N], images: 0.96, texts: 0.93, untouched: near(0.9998, 0.999) },
    qint8: { image: [A, N, A], text: [N], images: 0.95, texts: 0.93, untouched: near(0.9998, 0.999) },
    // Unsigned weights of 8 bits: signed ones would overflow on some CPUs.
    quint8: { image: [A, L, A], text: [N], images: 0.96, texts: 0.93, untouched: near(0.9998, 0.999) },
    q4: { image: [A, N, N], text: [N], images: 0.8, texts: 0.6 },
    // 4 bits in blocks of 64 weights, for rows of 32: far from the checkpoint in so small a model.
    bnb4: { image: [A, N, N], text: [N], images: 0.6, texts: 0.4 },
    q4f16: { image: [A, N, N], text: [N], images: 0.8, untouched: near(0.9999, 0.9999) },
    fp16: { image: [A, N, N], text: [N], images: 0.9999, texts: 0.9999, untouched: near(0.9999, 0.9999) },
  },
  ort: {
    fp32: { image: [A, N, N], text: [N], images: 0.99999 },
    vit: { image: [A, N, N], text: [N], images: 0.99999 },
    fp16: { image: [A, N, N], text: [N], images: 0.9999, texts: 0.9999, untouched: near(0.9999, 0.9999) },
    int8: { image: [A, A, A], text: [N], images: 0.98, texts: 0.99, untouched: near(0.9998, 0.999) },
    'vit-int8': { image: [A, A, A], text: [N], images: 0.98, texts: 0.99, untouched: near(0.9998, 0.999) },
  },
  both: {
    fp32: { image: [A, N, N], images: 0.99999 },
    external: { image: [A, N, N], images: 0.99999 },
    int8: { image: [A, A, A], images: 0.98, texts: 0.98, untouched: near(0.9998, 0.999) },
  },
  siglip: {
    fp32: { image: [N, N, N], text: [N], images: 0.99999 },
    int8: { image: [N, A, A], text: [N], images: 0.98, texts: 0.98 },
  },
  siglip2: {
    fp32: { image: [N, N, N], text: [N], images: 0.99999 },
    int8: { image: [N, A, A], text: [N], images: 0.98, texts: 0.98 },
  },
  dynamo: {
    fp32: { image: [A, N, N], text: [N], images: 0.99999 },
    eager: { image: [A, N, N], text: [N], images: 0.99999 },
    int8: { image: [A, A, A], text: [N], images: 0.98, texts: 0.99, untouched: near(0.9998, 0.999) },
  },
  'open-clip': {
    // The runtime's optimiser has put its products between two Reshapes.
    fp32: { image: [A, N, N], text: [N], images: 0.99999 },
    int8: { image: [A, A, A], text: [N], images: 0.97, texts: 0.99, untouched: near(0.9998, 0.999) },
  },
  opsets: {
    fp32: { image: [A, N, N], images: 0.99999 },
    int8: { image: [A, A, A], images: 0.98, untouched: near(0.9998, 0.999) },
    'opset12-int8': { image: [A, A, A], images: 0.98, untouched: near(0.9998, 0.999) },
    'opset13-int8': { image: [A, A, A], images: 0.98, untouched: near(0.9998, 0.999) },
    'opset15-int8': { image: [A, A, A], images: 0.98, untouched: near(0.9998, 0.999) },
    'opset16-int8': { image: [A, A, A], images: 0.98, untouched: near(0.9998, 0.999) },
  },
  mobileclip: {
    fp32: { image: [N, N, N], text: [N], images: 0.99999 },
    // Quantised convolutions with random weights: the file itself is that far from the checkpoint.
    int8: { image: [N, A, L], text: [N], images: -1, texts: 0.9 },
  },
}
