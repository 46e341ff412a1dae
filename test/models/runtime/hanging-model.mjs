// Loaded with --import into a process and its threads: no run of a model ever ends.
import { InferenceSession } from 'onnxruntime-node'

const create = InferenceSession.create
InferenceSession.create = async (...parameters) => {
  const session = await create.apply(InferenceSession, parameters)
  session.run = () => {
    for (;;);
  }
  return session
}
