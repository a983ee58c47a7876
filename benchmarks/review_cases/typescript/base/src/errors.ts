export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

export class NotFound extends HttpError {
  constructor(what: string) {
    super(404, `${what} was not found`);
  }
}

export class Forbidden extends HttpError {
  constructor(what: string) {
    super(403, `not allowed to ${what}`);
  }
}

export class Invalid extends HttpError {
  constructor(why: string) {
    super(422, why);
  }
}
