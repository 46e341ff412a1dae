import { caller } from '../state/caller.js'
import { forgetResources } from '../state/resource.js'
import { forgetResults } from '../state/result-list.js'
import { answered, get, post, remove, whenKeyRequired } from './client.js'

const AGAIN_MS = 5000
let isAsking = false

/** Asks the server what this page may do. Until there is an answer the views try, and say what is wrong. */
export async function learnCaller(): Promise<void> {
  if (isAsking) return
  isAsking = true
  try {
    caller.value = await answered(get('/api/v1/caller', {}))
  } catch {
    caller.value ??= { scope: 'read', key: null }
    setTimeout(learnCaller, AGAIN_MS)
  } finally {
    isAsking = false
  }
}

/** Exchanges a key for a session, whose cookie the browser sends from now on. @throws ApiError, NetworkError */
export async function signIn(text: string): Promise<void> {
  const { scope, key } = await answered(post('/api/v1/session', { body: { key: text } }))
  forgetResources()
  forgetResults()
  caller.value = { scope, key }
}

/** Ends the session, and loads the page again: nothing of it stays in this tab. */
export async function signOut(): Promise<void> {
  await answered(remove('/api/v1/session', {}))
  location.assign('/')
}

whenKeyRequired(() => void learnCaller())
