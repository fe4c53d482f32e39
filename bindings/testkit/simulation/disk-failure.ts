import { LogError } from '../../model/errors.ts'

export function noSpace(operation: string, file: string): LogError {
  return new LogError('STORAGE_FULL', `no space in ${file}`, { file, operation })
}

export function failure(operation: string, file: string, why: string, errno?: string): LogError {
  const details = { file, operation, ...(errno === undefined ? {} : { errno }) }
  return new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${file === '' ? 'the root' : file}: ${why}`, details)
}
