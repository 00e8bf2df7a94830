package option

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

func unsigned(name string, size int) codec {
	return codec{
		name: name,
		encode: func(wire []byte, text string) ([]byte, error) {
			n, err := strconv.ParseUint(text, 10, size*8)
			if err != nil {
				return nil, numberError(err, fmt.Sprintf("0 to %d", uint64(1)<<(size*8)-1))
			}
			return appendNumber(wire, uint32(n), size), nil
		},
		decode: func(wire []byte) (string, int, error) {
			n, err := number(wire, size)
			return strconv.FormatUint(uint64(n), 10), size, err
		},
	}
}

func signed(name string, size int) codec {
	shift := 32 - size*8
	return codec{
		name: name,
		encode: func(wire []byte, text string) ([]byte, error) {
			n, err := strconv.ParseInt(text, 10, size*8)
			if err != nil {
				limit := int64(1) << (size*8 - 1)
				return nil, numberError(err, fmt.Sprintf("%d to %d", -limit, limit-1))
			}
			return appendNumber(wire, uint32(n), size), nil
		},
		decode: func(wire []byte) (string, int, error) {
			n, err := number(wire, size)
			return strconv.FormatInt(int64(int32(n<<shift)>>shift), 10), size, err
		},
	}
}

func numberError(err error, limits string) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("it is outside %s", limits)
	}
	return errors.New("use a decimal number")
}

func appendNumber(wire []byte, n uint32, size int) []byte {
	b := binary.BigEndian.AppendUint32(nil, n)
	return append(wire, b[4-size:]...)
}

func number(wire []byte, size int) (uint32, error) {
	if len(wire) < size {
		return 0, errShort
	}
	var b [4]byte
	copy(b[4-size:], wire[:size])
	return binary.BigEndian.Uint32(b[:]), nil
}
