// What a textbook shows: Express, passport-jwt with the secret as text, class-validator, and a TypeORM transaction with
// SELECT … FOR UPDATE for each debit. It keeps no operations, daily totals or log, so it does less than the product.
import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { IsNumber, IsPositive, IsString, Length, Matches, validate } from 'class-validator';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Column, CreateDateColumn, DataSource, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

// tsx turns them on, which makes every thrown error cost more than it does otherwise.
process.setSourceMapsEnabled(false);

@Entity('textbook_account')
class Account {
  @PrimaryGeneratedColumn()
  id: number;

  @Column({ type: 'varchar', length: 205, unique: true })
  owner: string;

  /** Micro-dollars. */
  @Column({ type: 'bigint' })
  balance: string;
}

@Entity('textbook_transaction')
@Index(['accountId', 'id'])
class Transaction {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id: string;

  @Column({ type: 'int' })
  accountId: number;

  @Column({ type: 'varchar', length: 10 })
  type: 'deposit' | 'debit';

  @Column({ type: 'bigint' })
  amount: string;

  @Column({ type: 'bigint' })
  balanceAfter: string;

  @Column({ type: 'varchar', length: 500 })
  description: string;

  @CreateDateColumn()
  createdAt: Date;
}

class MovementDto {
  @Matches(/^(user|org):/)
  account: string;

  @IsNumber({ maxDecimalPlaces: 6 })
  @IsPositive()
  amount: number;

  @IsString()
  @Length(1, 500)
  description: string;
}

const { DATABASE_URL: url, JWT_SECRET: secretOrKey = '', HOST: host = '127.0.0.1', PORT: port } = process.env;
const dataSource = await new DataSource({
  type: 'mysql',
  url,
  entities: [Account, Transaction],
  synchronize: true,
}).initialize();

passport.use(
  new Strategy(
    { jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey },
    (claims: Express.User, done) => done(null, claims),
  ),
);

function move(type: Transaction['type']): RequestHandler {
  return async (request, response) => {
    const body = plainToInstance(MovementDto, request.body as object);
    const errors = await validate(body, { whitelist: true, forbidNonWhitelisted: true });
    if (errors.length > 0) return void response.status(400).json({ errors });
    const amount = Math.round(body.amount * 1e6) * (type === 'debit' ? -1 : 1);
    const transaction = await dataSource.transaction(async (manager) => {
      const account =
        (await manager.findOne(Account, { where: { owner: body.account }, lock: { mode: 'pessimistic_write' } })) ??
        manager.create(Account, { owner: body.account, balance: '0' });
      const balance = Number(account.balance) + amount;
      if (balance < 0) return undefined;
      account.balance = String(balance);
      await manager.save(account);
      return manager.save(
        manager.create(Transaction, {
          accountId: account.id,
          type,
          amount: String(amount),
          balanceAfter: account.balance,
          description: body.description,
        }),
      );
    });
    if (!transaction) return void response.status(402).json({ error: 'insufficient credits' });
    response.status(201).json({ data: transaction });
  };
}

const app = express();
app.use(express.json());
app.use(passport.initialize());
const authenticate = passport.authenticate('jwt', { session: false }) as RequestHandler;
app.get('/api/ready', (_request, response) => void response.json({ data: { status: 'ok' } }));
app.post('/api/credits/deposit', authenticate, move('deposit'));
app.post('/api/credits/debit', authenticate, move('debit'));
app.use(((error: Error, _request, response, _next) => {
  response.status(500).json({ error: error.message });
}) satisfies ErrorRequestHandler);
app.listen(Number(port), host);
