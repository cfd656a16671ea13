/** The TypeScript client of Rapport. Everything public is exported from here. */
export { Rapport } from "./rapport.ts";
export type { RapportOptions, Subscription } from "./rapport.ts";
export type { Api, CallOptions } from "./api.ts";
export type { Connection, ConnectionState, ClosedReason } from "./connection.ts";
export type { EndReason } from "./subscription.ts";
export type { NotesSession } from "./notes.ts";
export type { NotesState, NotesProblem, NotesHandlers } from "./notesapi.ts";
export type { Clock, Platform } from "./platform.ts";
export type { TokenProvider } from "./http.ts";
export type { WebSocketLike, WebSocketConstructor } from "./socket.ts";
export { RapportError } from "./errors.ts";
export type { ErrorCode, ContractCode, ClientCode, ErrorItem } from "./errors.ts";
export { apply, compose, transform, transformPair, invert, validate, diff } from "./ot.ts";
export type { Op, Insert, Delete, Retain, Change } from "./ot.ts";
export { changeFromUtf16, changeToUtf16, codePointOffset, utf16Offset } from "./utf16.ts";
export type { Utf16Edit } from "./utf16.ts";
export type * from "./types.ts";
