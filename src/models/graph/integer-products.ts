/** Positions of the weight and of its zero point among the inputs of an integer product. */
interface WeightPlace {
  readonly weight: number
  readonly zero: number
}

/**
 * Operators that multiply by a weight of bytes: ONNX's, and those of ONNX Runtime's contributed operators that its
 * graph optimiser and its quantiser of fused graphs write (onnxruntime/docs/ContribOperators.md).
 */
const INTEGER_PRODUCTS: Readonly<Record<string, WeightPlace>> = {
  MatMulInteger: { weight: 1, zero: 3 },
  DynamicQuantizeMatMul: { weight: 1, zero: 3 },
  MatMulIntegerToFloat: { weight: 1, zero: 5 },
  QAttention: { weight: 1, zero: 7 },
}

/** Returns where an operator has its weight; undefined for any other operator. */
export function integerProduct(op: string): WeightPlace | undefined {
  return Object.hasOwn(INTEGER_PRODUCTS, op) ? INTEGER_PRODUCTS[op] : undefined
}
