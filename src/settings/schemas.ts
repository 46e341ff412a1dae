import { z } from 'zod'
import { parseRedisUrl } from '../queue/redis-url.js'

export const positiveInteger = (max: number) => z.coerce.number().int().min(1).max(max)
export const textList = z.string().transform(text => text.split(',').flatMap(part => part.trim() || []))
export const url = (protocols: string[]) =>
  z.string().refine(value => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `a URL that starts with ${protocols.map(p => `${p}//`).join(' or ')}`,
  })
export const redisUrl = z.string().superRefine((value, context) => {
  try {
    parseRedisUrl(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message, params: { explains: true } })
  }
})
