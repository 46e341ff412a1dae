import type { z } from 'zod'
import { type ApiReader, type Picture, Refusal } from './api-reader.js'

/** What a tool answers: lines for the model, the same as data for programs, and a picture. */
export interface ToolAnswer {
  lines: string[]
  content: Record<string, unknown>
  picture?: Picture
}

export interface Tool {
  name: string
  title: string
  description: string
  input: z.ZodObject
  output: z.ZodObject
  /** @throws Refusal */
  call(api: ApiReader, given: unknown): Promise<ToolAnswer>
}

interface Definition<Input extends z.ZodObject> extends Omit<Tool, 'call' | 'input'> {
  input: Input
  answer(api: ApiReader, given: z.output<Input>): Promise<ToolAnswer>
}

/** A tool that checks its arguments before it answers. */
export function defineTool<Input extends z.ZodObject>({ answer, ...rest }: Definition<Input>): Tool {
  return {
    ...rest,
    async call(api, given) {
      const checked = rest.input.safeParse(given)
      if (checked.success) return answer(api, checked.data)
      const [issue] = checked.error.issues
      throw new Refusal({
        code: 'REQUEST_INVALID',
        detail: `${issue!.path.join('.') || 'arguments'}: ${issue!.message}.`,
        action: 'Correct the arguments and call the tool again.',
      })
    },
  }
}
