// The error class is the worker's: an error has one code on its whole way to the page.
export { ThimbleError, type ThimbleCode } from '../web/errors.ts';
