/**
 * The WebSocket subprotocol both sides name in the upgrade. The number is that of the schemas in `schemas/`:
 * it changes whenever an older reader would misread a newer frame, so two versions never share a socket.
 */
export const SUBPROTOCOL = 'escapement.1';
