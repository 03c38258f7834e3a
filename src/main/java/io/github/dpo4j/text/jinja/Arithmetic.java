package io.github.dpo4j.text.jinja;

import io.github.dpo4j.text.jinja.Expr.Operator;
import io.github.dpo4j.text.jinja.Value.Flt;
import io.github.dpo4j.text.jinja.Value.Int;
import io.github.dpo4j.text.jinja.Value.Items;
import io.github.dpo4j.text.jinja.Value.Str;
import io.github.dpo4j.text.jinja.Value.Tuple;
import io.github.dpo4j.text.jinja.Value.Undefined;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's operators on numbers, texts and lists. */
final class Arithmetic {
    private static final int MAX_BITS = 16_384;

    private Arithmetic() {}

    static Value apply(Operator operator, Value left, Value right, Rendering rendering) {
        if (operator == Operator.MODULO && left instanceof Str text) {
            return PercentFormat.format(text, right, rendering);
        }
        for (Value side : List.of(left, right)) {
            if (side instanceof Undefined(String reason)) {
                throw rendering.error(reason);
            }
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return numbers(operator, left, right, rendering);
        }
        if (operator == Operator.ADD) {
            if (left instanceof Str a && right instanceof Str b) {
                return concat(a, b, rendering);
            }
            if (left instanceof Items(var a) && right instanceof Items(var b)) {
                return new Items(joined(a, b, rendering));
            }
            if (left instanceof Tuple(var a, var _) && right instanceof Tuple(var b, var _)) {
                return new Tuple(joined(a, b, rendering));
            }
        }
        if (operator == Operator.MULTIPLY) {
            @Nullable
            BigInteger times = Numbers.integer(right) != null ? Numbers.integer(right) : Numbers.integer(left);
            if (times != null) {
                Value repeated = Numbers.integer(right) != null ? left : right;
                int count = Math.max(0, Numbers.clamp(times));
                switch (repeated) {
                    case Str(String text, boolean markup) -> {
                        rendering.text((long) text.length() * count);
                        return new Str(text.repeat(text.isEmpty() ? 0 : count), markup);
                    }
                    case Items(var items) -> {
                        return new Items(repeated(items, count, rendering));
                    }
                    case Tuple(var items, var _) -> {
                        return new Tuple(repeated(items, count, rendering));
                    }
                    default -> {}
                }
            }
        }
        throw rendering.error("unsupported operand types for " + operator.sign + ": '" + left.type() + "' and '"
                + right.type() + "'");
    }

    private static Value concat(Str left, Str right, Rendering rendering) {
        String a = left.text();
        String b = right.text();
        if (left.markup() != right.markup()) {
            a = left.markup() ? a : Markup.escape(a, rendering);
            b = right.markup() ? b : Markup.escape(b, rendering);
        }
        rendering.text((long) a.length() + b.length());
        return new Str(a + b, left.markup() || right.markup());
    }

    private static List<Value> joined(List<Value> a, List<Value> b, Rendering rendering) {
        rendering.items((long) a.size() + b.size());
        List<Value> both = new ArrayList<>(a.size() + b.size());
        both.addAll(a);
        both.addAll(b);
        return both;
    }

    private static List<Value> repeated(List<Value> items, int count, Rendering rendering) {
        rendering.items((long) items.size() * count);
        List<Value> repeated = new ArrayList<>(items.size() * count);
        for (int i = 0; i < count && !items.isEmpty(); i++) {
            repeated.addAll(items);
        }
        return repeated;
    }

    static Value signed(boolean negative, Value value, Rendering rendering) {
        if (value instanceof Undefined(String reason)) {
            throw rendering.error(reason);
        }
        @Nullable BigInteger integer = Numbers.integer(value);
        if (integer != null) {
            return new Int(negative ? integer.negate() : integer);
        }
        if (value instanceof Flt(double number)) {
            return new Flt(negative ? -number : number);
        }
        throw rendering.error("bad operand type for unary " + (negative ? "-" : "+") + ": '" + value.type() + "'");
    }

    private static Value numbers(Operator operator, Value left, Value right, Rendering rendering) {
        @Nullable BigInteger a = Numbers.integer(left);
        @Nullable BigInteger b = Numbers.integer(right);
        return a != null && b != null
                ? integers(operator, a, b, rendering)
                : new Flt(reals(operator, Numbers.real(left, rendering), Numbers.real(right, rendering), rendering));
    }

    private static Value integers(Operator operator, BigInteger a, BigInteger b, Rendering rendering) {
        rendering.number((long) a.bitLength() + b.bitLength());
        return switch (operator) {
            case ADD -> bounded(a.add(b), rendering);
            case SUBTRACT -> bounded(a.subtract(b), rendering);
            case MULTIPLY -> bounded(a.multiply(b), rendering);
            case DIVIDE -> {
                nonZero(b.signum() != 0, rendering);
                rendering.bytes(800);
                double quotient = new BigDecimal(a)
                        .divide(new BigDecimal(b), new MathContext(60))
                        .doubleValue();
                if (Double.isInfinite(quotient)) {
                    throw rendering.error("integer division result too large for a float");
                }
                yield new Flt(quotient);
            }
            case FLOOR_DIVIDE -> {
                nonZero(b.signum() != 0, rendering);
                yield new Int(floorDivide(a, b));
            }
            case MODULO -> {
                nonZero(b.signum() != 0, rendering);
                yield new Int(a.subtract(floorDivide(a, b).multiply(b)));
            }
            case POWER -> {
                if (b.signum() < 0) {
                    yield new Flt(reals(operator, a.doubleValue(), b.doubleValue(), rendering));
                }
                boolean trivial = a.bitLength() <= 1 && (a.signum() >= 0 || a.equals(BigInteger.ONE.negate()));
                if (trivial) {
                    boolean one = b.signum() == 0 || a.signum() > 0 || (a.signum() < 0 && !b.testBit(0));
                    yield one ? Int.of(1) : new Int(a);
                }
                if ((long) a.bitLength() * Numbers.clamp(b) > 2L * MAX_BITS) {
                    throw tooLarge(rendering);
                }
                rendering.bytes(2L * a.bitLength() * Numbers.clamp(b));
                yield bounded(a.pow(b.intValueExact()), rendering);
            }
        };
    }

    private static BigInteger floorDivide(BigInteger a, BigInteger b) {
        BigInteger[] parts = a.divideAndRemainder(b);
        boolean down = parts[1].signum() != 0 && parts[1].signum() != b.signum();
        return down ? parts[0].subtract(BigInteger.ONE) : parts[0];
    }

    private static Int bounded(BigInteger number, Rendering rendering) {
        if (number.bitLength() > MAX_BITS) {
            throw tooLarge(rendering);
        }
        return new Int(number);
    }

    private static TemplateException tooLarge(Rendering rendering) {
        return rendering.error("a number of over " + MAX_BITS + " bits");
    }

    private static void nonZero(boolean holds, Rendering rendering) {
        if (!holds) {
            throw rendering.error("division by zero");
        }
    }

    private static double reals(Operator operator, double a, double b, Rendering rendering) {
        return switch (operator) {
            case ADD -> a + b;
            case SUBTRACT -> a - b;
            case MULTIPLY -> a * b;
            case DIVIDE -> {
                nonZero(b != 0, rendering);
                yield a / b;
            }
            case FLOOR_DIVIDE -> {
                nonZero(b != 0, rendering);
                double quotient = (a - floorModulo(a, b)) / b;
                double floor = Math.floor(quotient);
                // the quotient is within rounding of an integer; take the nearest, and keep the sign of a zero
                yield quotient == 0 ? Math.copySign(0.0, a / b) : quotient - floor > 0.5 ? floor + 1 : floor;
            }
            case MODULO -> {
                nonZero(b != 0, rendering);
                yield floorModulo(a, b);
            }
            case POWER -> {
                nonZero(a != 0 || !(b < 0), rendering);
                double power = a == 1 || b == 0 ? 1 : Math.pow(a, b);
                if (Double.isNaN(power) && a < 0 && !Double.isNaN(b)) {
                    throw rendering.error("a negative number to a fractional power is complex");
                }
                if (Double.isInfinite(power) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
                    throw rendering.error("numerical result out of range");
                }
                yield power;
            }
        };
    }

    private static double floorModulo(double a, double b) {
        double remainder = a % b;
        if (remainder == 0) {
            return Math.copySign(0.0, b);
        }
        return (remainder < 0) != (b < 0) ? remainder + b : remainder;
    }
}
